"""GPC."""
from reprise.discover.gmm_category_discovery.mixture import SemiSupervisedGMM, estimate_n_classes
