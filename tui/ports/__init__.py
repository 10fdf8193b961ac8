"""What the screens need from the outside, as protocols: no screen opens a file or knows how a queue is made."""
