use ndarray::ArrayView1;

use super::grow::Grown;

/// Features as numbers of bins, column by column.
pub(crate) struct Binned {
    pub(super) columns: Vec<Column>,
    rows: u32,
}

pub(crate) struct Column {
    /// Of each row.
    pub(super) bins: Vec<u16>,
    /// Between bin i and the next lies `edges[i]`.
    pub(super) edges: Vec<f64>,
}

impl Binned {
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = ArrayView1<'a, f64>>, bins_max: usize) -> Self {
        let columns: Vec<Column> = columns
            .into_iter()
            .map(|column| Column::new(&column, bins_max))
            .collect();
        let rows = columns.first().map_or(0, |column| column.bins.len());
        Self {
            columns,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// What the tree says of a row.
    pub(crate) fn leaf(&self, grown: &Grown, row: u32) -> f64 {
        let tree = &grown.tree;
        let mut node = 0;
        while tree.left[node] != 0 {
            let bin = self.columns[usize::from(tree.feature[node])].bins[row as usize];
            node = usize::from(if bin <= grown.bins[node] {
                tree.left[node]
            } else {
                tree.right[node]
            });
        }
        tree.value[node]
    }
}

impl Column {
    fn new(values: &ArrayView1<'_, f64>, bins_max: usize) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let edges = edges(&sorted, bins_max);
        let bins = values
            .iter()
            .map(|value| u16::try_from(edges.partition_point(|edge| edge < value)).unwrap_or(u16::MAX))
            .collect();
        Self { bins, edges }
    }
}

/// Halfway between neighbouring values: between all when there are few, otherwise so that bins have equally many rows.
fn edges(sorted: &[f64], bins_max: usize) -> Vec<f64> {
    let steps = || {
        sorted
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0] < pair[1])
    };
    let few = steps().count() < bins_max;
    let mut edges = Vec::new();
    let mut begin = 0;
    for (index, pair) in steps() {
        let rows_left = sorted.len() - begin;
        let bins_left = bins_max - edges.len();
        if !few && (bins_left < 2 || (index + 1 - begin) * bins_left < rows_left) {
            continue;
        }
        let middle = pair[0] + (pair[1] - pair[0]) / 2.0;
        // Neighbouring floats have nothing between them.
        edges.push(if middle < pair[1] { middle } else { pair[0] });
        begin = index + 1;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_lie_between_values_and_bins_are_equally_full() {
        assert_eq!(edges(&[1.0, 1.0, 2.0, 4.0], 10), [1.5, 3.0]);
        assert_eq!(edges(&[1.0, 1.0], 10), [] as [f64; 0]);
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(edges(&many, 4), [24.5, 49.5, 74.5]);
        // Half of all is one value: it takes a bin, the others share the rest.
        let mut skewed = vec![0.0; 100];
        skewed.extend((1..=100).map(f64::from));
        assert_eq!(edges(&skewed, 5), [0.5, 25.5, 50.5, 75.5]);
    }
}
