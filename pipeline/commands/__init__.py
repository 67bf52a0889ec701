"""`ktp run`, `ktp report`, `ktp data`, `ktp compile` and `ktp submit`."""
