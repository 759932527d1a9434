use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tributary_fraud_domain::model::Tree;

use super::bins::Binned;

/// How a tree grows.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    /// Most leaves.
    pub(crate) leaves: usize,
    /// Most splits between root and leaf.
    pub(crate) depth: usize,
    /// Fewest rows of a leaf.
    pub(crate) rows_per_leaf: usize,
    /// Weight of the squared leaf values.
    pub(crate) l2: f64,
    /// What is taken of each leaf's value.
    pub(crate) learning_rate: f64,
    /// How many features are looked at for a split, drawn anew for each; more when none of them parts anything.
    pub(crate) features: usize,
}

/// First and second derivative of the loss, by the log-odds where trees are boosted.
///
/// With -weight for a fraud, 0 for the rest, and the weight as the second, the loss is the squared error: its gain is the
/// Gini impurity's, and a leaf's value is the share of frauds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gradient {
    pub(crate) first: f64,
    pub(crate) second: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    first: f64,
    second: f64,
    rows: u32,
}

impl Bin {
    fn add(&mut self, other: &Self) {
        self.first += other.first;
        self.second += other.second;
        self.rows += other.rows;
    }

    fn minus(&self, other: &Self) -> Self {
        Self {
            first: self.first - other.first,
            second: self.second - other.second,
            rows: self.rows - other.rows,
        }
    }
}

/// All bins of all features.
struct Histogram(Vec<Bin>);

/// A tree, and of each node the last bin that goes left, and its rows.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    pub(crate) bins: Vec<u16>,
    pub(crate) rows: Vec<u32>,
}

/// A leaf that may be split yet.
struct Leaf {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    histogram: Histogram,
    sum: Bin,
    best: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    column: usize,
    bin: usize,
    left: Bin,
}

/// Grows one tree.
pub(crate) struct Grower<'a> {
    growth: &'a Growth,
    binned: &'a Binned,
    gradients: &'a [Gradient],
    random: &'a mut ChaCha8Rng,
    /// Where each feature's bins begin, and the end.
    offsets: Vec<usize>,
    /// The features, in the order in which they are looked at.
    order: Vec<usize>,
    grown: Grown,
}

impl<'a> Grower<'a> {
    pub(crate) fn new(
        growth: &'a Growth,
        binned: &'a Binned,
        gradients: &'a [Gradient],
        random: &'a mut ChaCha8Rng,
    ) -> Self {
        let mut offsets = vec![0];
        for column in &binned.columns {
            offsets.push(offsets[offsets.len() - 1] + column.edges.len() + 1);
        }
        Self {
            growth,
            binned,
            gradients,
            random,
            offsets,
            order: (0..binned.columns.len()).collect(),
            grown: Grown {
                tree: Tree::default(),
                bins: Vec::new(),
                rows: Vec::new(),
            },
        }
    }

    pub(crate) fn grow(mut self, rows: Vec<u32>) -> Grown {
        let histogram = self.histogram(&rows);
        let mut leaves = vec![self.leaf(rows, histogram, 0)];
        while leaves.len() < self.growth.leaves {
            let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |split| split.gain);
            // Of equal ones the first, so that nothing depends on chance.
            let best =
                (0..leaves.len()).reduce(|a, b| if gain(&leaves[b]) > gain(&leaves[a]) { b } else { a });
            let Some((index, split)) = best.and_then(|index| Some((index, leaves[index].best?))) else {
                break;
            };
            let [left, right] = self.split(leaves.swap_remove(index), split);
            leaves.extend([left, right]);
        }
        self.grown.expect();
        self.grown
    }

    fn histogram(&self, rows: &[u32]) -> Histogram {
        let mut bins = vec![Bin::default(); self.offsets[self.offsets.len() - 1]];
        for (column, offset) in self.binned.columns.iter().zip(&self.offsets) {
            let of_column = &mut bins[*offset..];
            for row in rows {
                let bin = &mut of_column[usize::from(column.bins[*row as usize])];
                let gradient = &self.gradients[*row as usize];
                bin.first += gradient.first;
                bin.second += gradient.second;
                bin.rows += 1;
            }
        }
        Histogram(bins)
    }

    /// Adds a node and finds its best split.
    fn leaf(&mut self, rows: Vec<u32>, histogram: Histogram, depth: usize) -> Leaf {
        let mut sum = Bin::default();
        for row in &rows {
            let gradient = &self.gradients[*row as usize];
            sum.first += gradient.first;
            sum.second += gradient.second;
            sum.rows += 1;
        }
        let tree = &mut self.grown.tree;
        let node = tree.feature.len();
        tree.feature.push(0);
        tree.threshold.push(0.0);
        tree.left.push(0);
        tree.right.push(0);
        let denominator = sum.second + self.growth.l2;
        let value = if denominator > 0.0 {
            -sum.first / denominator
        } else {
            0.0
        };
        tree.value.push(self.growth.learning_rate * value);
        self.grown.bins.push(0);
        self.grown.rows.push(sum.rows);
        let best = match depth < self.growth.depth {
            true => self.best_split(&histogram, &sum),
            false => None,
        };
        Leaf {
            node,
            depth,
            rows,
            histogram,
            sum,
            best,
        }
    }

    fn best_split(&mut self, histogram: &Histogram, sum: &Bin) -> Option<Split> {
        let drawn = self.growth.features < self.order.len();
        if drawn {
            self.order.shuffle(self.random);
        }
        let mut best: Option<Split> = None;
        for (looked_at, column) in self.order.iter().enumerate() {
            if drawn && looked_at >= self.growth.features && best.is_some() {
                break;
            }
            self.better_split(*column, histogram, sum, &mut best);
        }
        best
    }

    /// The best split of one feature, if it is better than what there is.
    fn better_split(&self, column: usize, histogram: &Histogram, sum: &Bin, best: &mut Option<Split>) {
        let l2 = self.growth.l2;
        // A leaf without curvature has nothing to gain.
        let score = |bin: &Bin| match bin.second + l2 {
            denominator if denominator > 1e-12 => bin.first * bin.first / denominator,
            _ => 0.0,
        };
        let fewest = self.growth.rows_per_leaf;
        let bins = &histogram.0[self.offsets[column]..self.offsets[column + 1]];
        let mut left = Bin::default();
        for (bin, of_bin) in bins.iter().enumerate().take(bins.len() - 1) {
            if of_bin.rows == 0 {
                continue;
            }
            left.add(of_bin);
            if (left.rows as usize) < fewest {
                continue;
            }
            let right = sum.minus(&left);
            if (right.rows as usize) < fewest {
                break;
            }
            let gain = score(&left) + score(&right) - score(sum);
            if gain > best.map_or(1e-9, |best| best.gain) {
                *best = Some(Split {
                    gain,
                    column,
                    bin,
                    left,
                });
            }
        }
    }

    fn split(&mut self, leaf: Leaf, split: Split) -> [Leaf; 2] {
        let column = &self.binned.columns[split.column];
        let goes_left = |row: &u32| usize::from(column.bins[*row as usize]) <= split.bin;
        let (left, right): (Vec<u32>, Vec<u32>) = leaf.rows.iter().partition(|row| goes_left(row));
        debug_assert_eq!(left.len(), split.left.rows as usize);
        debug_assert_eq!(left.len() + right.len(), leaf.sum.rows as usize);
        // The smaller side is counted, the larger one is what remains.
        let counted = self.histogram(if left.len() <= right.len() { &left } else { &right });
        let pairs = leaf.histogram.0.iter().zip(&counted.0);
        let remains = Histogram(pairs.map(|(all, counted)| all.minus(counted)).collect());
        let (of_left, of_right) = if left.len() <= right.len() {
            (counted, remains)
        } else {
            (remains, counted)
        };
        let depth = leaf.depth + 1;
        let children = [self.leaf(left, of_left, depth), self.leaf(right, of_right, depth)];
        let tree = &mut self.grown.tree;
        let place = |node: usize| u16::try_from(node).unwrap_or(u16::MAX);
        tree.feature[leaf.node] = place(split.column);
        tree.threshold[leaf.node] = column.edges[split.bin];
        tree.left[leaf.node] = place(children[0].node);
        tree.right[leaf.node] = place(children[1].node);
        self.grown.bins[leaf.node] = place(split.bin);
        children
    }
}

impl Grown {
    /// Gives inner nodes the mean of what is below them, by rows: children stand behind their parents.
    pub(crate) fn expect(&mut self) {
        let tree = &mut self.tree;
        for node in (0..tree.feature.len()).rev() {
            let [left, right] = [tree.left[node], tree.right[node]].map(usize::from);
            if left != 0 {
                let [of_left, of_right] = [self.rows[left], self.rows[right]].map(f64::from);
                tree.value[node] =
                    (tree.value[left] * of_left + tree.value[right] * of_right) / (of_left + of_right);
            }
        }
    }
}
