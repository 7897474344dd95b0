"""Mail that the site sends: an outbox that neither loses nor repeats, and what is put into it."""
