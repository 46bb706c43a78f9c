// A Kafka broker for tests: kafka -port PORT -folder FOLDER
//
// It speaks Kafka's protocol with Kafka's default limits, and keeps topics and groups in the folder.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	port := flag.Int("port", 9092, "where it listens, on loopback")
	folder := flag.String("folder", "", "where it keeps what it got")
	flag.Parse()
	cluster, err := kfake.NewCluster(
		kfake.Ports(*port),
		kfake.DataDir(*folder),
		kfake.SyncWrites(),
		kfake.AllowAutoTopicCreation(),
		kfake.DefaultNumPartitions(4),
	)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("ready")
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	<-asked
	cluster.Close()
}
