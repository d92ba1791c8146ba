"""Ways to people: a signed webhook, a chat that takes Slack's webhooks, mail."""
