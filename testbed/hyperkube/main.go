// Command hyperkube is every program of a one-node Kubernetes cluster in one binary: one download,
// one compilation and one image layer instead of nine. The program is chosen by the name it is
// called by (kubelet, kube-apiserver, etcd, …), or by the first argument after "hyperkube".
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/coredns/coredns/coremain"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"

	// What the programs' own main packages register by import.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// daemons are the programs that are run as a cobra command and answer with its exit code.
var daemons = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 newKubeletCommand,
}

// others are the programs with a main function of their own; they end the process themselves, or
// return for exit code 0.
var others = map[string]func(){
	"etcd":    func() { etcdmain.Main(os.Args) },
	"coredns": coremain.Run,
	"kubeadm": func() {
		if kubeadm.Run() != nil {
			os.Exit(1)
		}
	},
	"kubectl": func() {
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
	},
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "hyperkube" && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	if command, ok := daemons[name]; ok {
		os.Exit(cli.Run(command()))
	}
	run, ok := others[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "hyperkube: no program %q; there are %v\n", name, names())
		os.Exit(2)
	}
	run()
}

func names() []string {
	var all []string
	for name := range daemons {
		all = append(all, name)
	}
	for name := range others {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
