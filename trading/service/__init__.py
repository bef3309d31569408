"""The processes around the gate. For now the watchdog; the trading loop and its service come beside it."""
