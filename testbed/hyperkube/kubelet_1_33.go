//go:build kubernetes_1_33

package main

import kubelet "k8s.io/kubernetes/cmd/kubelet/app"

var newKubeletCommand = kubelet.NewKubeletCommand
