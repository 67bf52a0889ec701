"""From a version directory to something that answers."""
