"""Programs that measure RecNet. They are not part of the packages."""
