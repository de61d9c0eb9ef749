"""What has moved, account by account."""
