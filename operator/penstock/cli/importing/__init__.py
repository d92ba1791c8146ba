"""What `penstock import` makes of databases, APIs and plans of others: plain YAML, which a person goes on writing."""
