"""The plugin's former name, for `-p parity.pytest_plugin`; the plugin is jaxconv_parity/pytest_plugin.py."""

pytest_plugins = ["jaxconv_parity.pytest_plugin"]
