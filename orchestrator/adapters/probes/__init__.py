"""What a platform asks a leader: is it alive, is it ready, what does it do. `server` answers, `metrics` counts."""
