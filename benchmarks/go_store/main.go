// A store the original's way, to compare with: an append is one conditional batch and nothing else.
// There is no log, an append has no name, and its outcome is unknown when no answer comes.
//
// Arguments: host and port of a server of Cassandra, and the keyspace. The first line that is printed
// is the address at which the store listens.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"

	pb "example.org/store/storegrpc"

	"github.com/gocql/gocql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	createFirst  = "INSERT INTO events (id, current_version) VALUES (?, ?) IF NOT EXISTS"
	moveFurther  = "UPDATE events SET current_version = ? WHERE id = ? IF current_version = ?"
	insertEvent  = "INSERT INTO events (id, version, type, payload, savetime) VALUES (?, ?, ?, ?, toTimeStamp(now()))"
	selectEvents = "SELECT version, type, payload, savetime FROM events WHERE id = ?"
)

type store struct {
	pb.UnimplementedEventStoreServiceServer
	session *gocql.Session
}

func (s *store) Update(ctx context.Context, request *pb.UpdateRequest) (*pb.UpdateResponse, error) {
	id, err := gocql.ParseUUID(request.Id)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	batch := s.session.NewBatch(gocql.LoggedBatch).WithContext(ctx)
	last := request.Version + int32(len(request.Events))
	if request.Version == 0 {
		batch.Query(createFirst, id, last)
	} else {
		batch.Query(moveFurther, last, id, request.Version)
	}
	for number, event := range request.Events {
		batch.Query(insertEvent, id, request.Version+1+int32(number), event.Type, event.Payload)
	}
	applied, iter, err := s.session.MapExecuteBatchCAS(batch, map[string]interface{}{})
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	if err := iter.Close(); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	if !applied {
		return &pb.UpdateResponse{Error: "the aggregate has another version"}, nil
	}
	return &pb.UpdateResponse{Success: true}, nil
}

func (s *store) FindByID(ctx context.Context, request *pb.FindByIDRequest) (*pb.FindResponse, error) {
	id, err := gocql.ParseUUID(request.Id)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	found := &pb.FindResponse{Success: true}
	rows := s.session.Query(selectEvents, id).WithContext(ctx).Iter().Scanner()
	for rows.Next() {
		event := &pb.FindResponse_Event{Id: request.Id}
		if err := rows.Scan(&event.Version, &event.Type, &event.Payload, &event.Savetime); err != nil {
			return nil, status.Error(codes.Unavailable, err.Error())
		}
		found.Latest = event.Savetime
		found.Events = append(found.Events, event)
	}
	if err := rows.Err(); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return found, nil
}

func main() {
	port, err := strconv.Atoi(os.Args[2])
	check(err)
	cluster := gocql.NewCluster(os.Args[1])
	cluster.Port = port
	cluster.Keyspace = os.Args[3]
	cluster.ProtoVersion = 4
	cluster.Consistency = gocql.LocalQuorum
	cluster.SerialConsistency = gocql.LocalSerial
	session, err := cluster.CreateSession()
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := grpc.NewServer()
	pb.RegisterEventStoreServiceServer(server, &store{session: session})
	fmt.Println(listener.Addr())
	check(server.Serve(listener))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
