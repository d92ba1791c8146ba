"""Who is calling: access tokens of an OpenID provider, ServiceAccount tokens, API keys. Each proves one identity."""
