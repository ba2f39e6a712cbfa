"""Where images come from beside folders: archives, tables, DICOMDIR, PACS by DICOMweb and DIMSE."""
