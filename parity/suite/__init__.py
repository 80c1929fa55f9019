"""Every layer of jaxconv's beside torch's."""
