//! unstick-std
