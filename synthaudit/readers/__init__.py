"""Reading images and tables: each source is small, picklable and lazy; a scan decodes every file once to check it."""
