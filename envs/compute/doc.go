// Package compute is the compute benchmark: tasks arrive at random and are split over
// servers, so that they are done before their deadline. With caps, a server takes the
// less of a task the longer its queue is.
package compute
