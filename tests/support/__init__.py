"""What tests share: servers that misbehave, watches, and programs that run apart."""
