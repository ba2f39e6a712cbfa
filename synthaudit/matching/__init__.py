"""Which real image is a synthetic one closest to, once both are brought into register?"""
