DROP FUNCTION open_analytic._check_distance, open_analytic._check_alike, open_analytic._joins_by_index, open_analytic._near,
    open_analytic.near_duplicates, open_analytic.knn_join;
