-- The clusters are gone with it; the collections stay.
DROP TABLE open_analytic.cluster_changes, open_analytic.cluster_members, open_analytic.clusterings;
DROP FUNCTION open_analytic._check_size, open_analytic._may, open_analytic._check_may, open_analytic._clustering, open_analytic._cluster_within,
    open_analytic._cluster_loosen, open_analytic._cluster_link, open_analytic._cluster_name, open_analytic._cluster_tell, open_analytic.clusters,
    open_analytic.cluster_changes, open_analytic.cluster, open_analytic._cluster_compare;
