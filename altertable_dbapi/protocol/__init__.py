"""What servers and ADBC say and are told: private ADBC names, messages, errors."""
