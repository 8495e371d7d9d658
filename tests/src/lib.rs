//! unstick-tests
