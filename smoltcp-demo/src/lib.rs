//! unstick-smoltcp
