"""`ktp run`, `ktp data`, `ktp compile` and `ktp submit`."""
