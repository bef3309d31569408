"""Pages looked at in a real browser: how they lay out, what they ask for, what they say to those who cannot see."""
