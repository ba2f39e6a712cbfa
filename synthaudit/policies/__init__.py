"""The policies that come with synthaudit, as TOML."""
