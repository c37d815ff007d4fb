//! The kubelet's rules, as a pure function: what a container's environment will be, or why it is blocked.
