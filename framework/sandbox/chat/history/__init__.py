"""The history of channels: what `/sync` replays."""
