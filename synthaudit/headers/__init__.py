"""What files say beside their pixels: DICOM headers, EXIF, text chunks; and what of it may stay."""
