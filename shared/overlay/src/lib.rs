//! Maps with savepoints: state that a refused record leaves untouched
