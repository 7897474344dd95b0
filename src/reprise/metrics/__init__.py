"""Measures of bags, clusterings, categories, effects, separability, retrievals, subsets; accuracies over folds."""

from reprise.metrics.bags import bag_log_loss, bag_means
from reprise.metrics.categories import CategoryAccuracy, category_accuracy, class_number_error
from reprise.metrics.clustering import hungarian_accuracy, hungarian_matching, misclustering_error, purity
from reprise.metrics.effects import EffectSize, cohens_d
from reprise.metrics.folds import FoldCurves, fold_curves, stratified_folds
from reprise.metrics.retrieval import (
    average_precision_at_k,
    ndcg_at_k,
    neighbour_recall,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
    relevance_by_judgement,
    relevance_by_label,
)
from reprise.metrics.separability import gdv, gdv_profile
from reprise.metrics.subsets import jaccard, mean_jaccard, random_jaccard

__all__ = [
    "CategoryAccuracy",
    "EffectSize",
    "FoldCurves",
    "average_precision_at_k",
    "bag_log_loss",
    "bag_means",
    "category_accuracy",
    "class_number_error",
    "cohens_d",
    "fold_curves",
    "gdv",
    "gdv_profile",
    "hungarian_accuracy",
    "hungarian_matching",
    "jaccard",
    "mean_jaccard",
    "misclustering_error",
    "ndcg_at_k",
    "neighbour_recall",
    "precision_at_k",
    "purity",
    "random_jaccard",
    "recall_at_k",
    "reciprocal_rank",
    "relevance_by_judgement",
    "relevance_by_label",
    "stratified_folds",
]
