"""`ktp serve` and `ktp predict`."""
