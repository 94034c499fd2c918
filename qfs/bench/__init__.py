"""Time measured against peers, in one process and in turn; nothing here decides a payment."""
