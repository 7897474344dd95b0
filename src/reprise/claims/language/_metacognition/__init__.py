"""Parts of the claim on metacognition: its sizes, its sentences, and a small model that practised reports."""
