// The servers on libuv: `libuv-server KIND [UPSTREAM-PORT]`. After the guide's echo server, but a write's request and buffer are
// used again: malloc and free of 64 KiB for each would give the memory back to the kernel and fetch it anew every time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define CHUNK (64 * 1024)
#define IDLE 30000

// What only some servers need.
typedef struct {
  uv_timer_t idle;
  uv_connect_t connecting;
  uv_shutdown_t shutdown;
} extra_t;

typedef struct conn {
  uv_tcp_t tcp;
  extra_t *extra;
  struct conn *partner;     // the other one of a proxied pair
  struct conn *next, *prev; // the room
  char *line;
  size_t line_len, total;
  int handles, ended;
} conn_t;

typedef struct write {
  uv_write_t req;
  conn_t *from; // paused until this is written
  struct write *next;
  size_t room;
  char bytes[];
} write_t;

static uv_loop_t *loop;
static char shared[CHUNK];
static const char *kind;
static struct sockaddr_in upstream;
static conn_t *members;
static write_t *spare; // done, to be used again
static uv_read_cb on_data;

static int is(const char *name) { return strcmp(kind, name) == 0; }

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle, (void)suggested;
  *buf = uv_buf_init(shared, sizeof shared);
}

static void on_handle_closed(uv_handle_t *handle) {
  conn_t *conn = handle->data;
  if (--conn->handles == 0) {
    free(conn->line);
    free(conn->extra);
    free(conn);
  }
}

static void close_conn(conn_t *conn) {
  if (uv_is_closing((uv_handle_t *)&conn->tcp)) return;
  if (is("chat")) {
    if (conn->prev) conn->prev->next = conn->next;
    else members = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
  }
  uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
  if (is("timeout")) uv_close((uv_handle_t *)&conn->extra->idle, on_handle_closed);
  conn_t *partner = conn->partner;
  conn->partner = NULL;
  if (partner) {
    partner->partner = NULL;
    close_conn(partner);
  }
}

static write_t *new_write(const char *bytes, size_t len, conn_t *from) {
  write_t *write = spare;
  if (write) spare = write->next;
  if (!write || write->room < len) {
    free(write);
    write = malloc(sizeof *write + len);
    write->room = len;
  }
  memcpy(write->bytes, bytes, len);
  write->from = from;
  return write;
}

static void done_with(write_t *write) {
  write->next = spare;
  spare = write;
}

static void after_write(uv_write_t *req, int status) {
  write_t *write = (write_t *)req;
  conn_t *conn = req->handle->data, *partner = conn->partner;
  if (status < 0) close_conn(conn);
  else if (write->from && partner && !partner->ended && conn->tcp.write_queue_size == 0)
    uv_read_start((uv_stream_t *)&partner->tcp, alloc_cb, on_data);
  done_with(write);
}

static void send_bytes(conn_t *conn, const char *bytes, size_t len, conn_t *from) {
  write_t *write = new_write(bytes, len, from);
  uv_buf_t buf = uv_buf_init(write->bytes, len);
  if (uv_write(&write->req, (uv_stream_t *)&conn->tcp, &buf, 1, after_write) != 0) done_with(write);
}

static void close_after_write(uv_write_t *req, int status) {
  (void)status;
  close_conn(req->handle->data);
  done_with((write_t *)req);
}

static void send_and_close(conn_t *conn, const char *bytes, size_t len) {
  write_t *write = new_write(bytes, len, NULL);
  uv_buf_t buf = uv_buf_init(write->bytes, len);
  if (uv_write(&write->req, (uv_stream_t *)&conn->tcp, &buf, 1, close_after_write) != 0) {
    done_with(write);
    close_conn(conn);
  }
}

static void on_line(conn_t *conn, const char *line, size_t len) {
  if (is("lines")) send_bytes(conn, line, len, NULL);
  else for (conn_t *member = members; member; member = member->next) send_bytes(member, line, len, NULL);
}

static void take_lines(conn_t *conn, const char *bytes, size_t len) {
  char *joined = NULL;
  if (conn->line_len) {
    joined = realloc(conn->line, conn->line_len + len);
    memcpy(joined + conn->line_len, bytes, len);
    bytes = joined;
    len += conn->line_len;
    conn->line = NULL;
    conn->line_len = 0;
  }
  const char *end;
  while ((end = memchr(bytes, '\n', len))) {
    size_t line = end + 1 - bytes;
    on_line(conn, bytes, line);
    bytes += line;
    len -= line;
  }
  if (len) {
    conn->line = malloc(len);
    memcpy(conn->line, bytes, len);
    conn->line_len = len;
  }
  free(joined);
}

static void on_idle(uv_timer_t *timer) { close_conn(timer->data); }

static void on_shutdown(uv_shutdown_t *req, int status) {
  conn_t *conn = req->handle->data;
  if (status < 0 || (conn->ended && conn->partner && conn->partner->ended)) close_conn(conn);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  conn_t *conn = stream->data;
  if (nread < 0) {
    char text[32];
    if (nread == UV_EOF && is("sink")) {
      send_and_close(conn, text, snprintf(text, sizeof text, "%zu\n", conn->total));
    } else if (nread == UV_EOF && conn->partner) {
      conn->ended = 1;
      uv_shutdown(&conn->partner->extra->shutdown, (uv_stream_t *)&conn->partner->tcp, on_shutdown);
    } else {
      close_conn(conn);
    }
  } else if (nread > 0) {
    if (is("sink")) conn->total += nread;
    else if (is("lines") || is("chat")) take_lines(conn, buf->base, nread);
    else if (conn->partner) {
      send_bytes(conn->partner, buf->base, nread, conn);
      if (conn->partner && conn->partner->tcp.write_queue_size > 0) uv_read_stop(stream);
    } else {
      if (is("timeout")) uv_timer_again(&conn->extra->idle);
      send_bytes(conn, buf->base, nread, NULL);
    }
  }
}

static void on_connect(uv_connect_t *req, int status) {
  conn_t *back = req->handle->data, *front = back->partner;
  if (!front) return;
  if (status < 0) {
    close_conn(back);
    return;
  }
  uv_read_start((uv_stream_t *)&front->tcp, alloc_cb, on_read);
  uv_read_start((uv_stream_t *)&back->tcp, alloc_cb, on_read);
}

static conn_t *new_conn(void) {
  conn_t *conn = calloc(1, sizeof *conn);
  conn->handles = 1;
  if (is("timeout") || is("proxy")) conn->extra = calloc(1, sizeof *conn->extra);
  uv_tcp_init(loop, &conn->tcp);
  conn->tcp.data = conn;
  return conn;
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) return;
  conn_t *conn = new_conn();
  if (uv_accept(server, (uv_stream_t *)&conn->tcp) != 0) {
    close_conn(conn);
    return;
  }
  if (is("churn")) {
    char greeting[64];
    memset(greeting, 'g', sizeof greeting);
    send_and_close(conn, greeting, sizeof greeting);
    return;
  }
  if (!is("sink")) uv_tcp_nodelay(&conn->tcp, 1);
  if (is("timeout")) {
    conn->handles++;
    uv_timer_init(loop, &conn->extra->idle);
    conn->extra->idle.data = conn;
    uv_timer_start(&conn->extra->idle, on_idle, IDLE, IDLE);
  }
  if (is("chat")) {
    conn->next = members;
    if (members) members->prev = conn;
    members = conn;
  }
  if (is("proxy")) {
    conn_t *back = new_conn();
    uv_tcp_nodelay(&back->tcp, 1);
    conn->partner = back;
    back->partner = conn;
    uv_tcp_connect(&back->extra->connecting, &back->tcp, (const struct sockaddr *)&upstream, on_connect);
    return;
  }
  uv_read_start((uv_stream_t *)&conn->tcp, alloc_cb, on_read);
}

int main(int argc, char **argv) {
  kind = argc > 1 ? argv[1] : "echo";
  on_data = on_read;
  if (argc > 2) uv_ip4_addr("127.0.0.1", atoi(argv[2]), &upstream);
  loop = uv_default_loop();
  uv_tcp_t server;
  struct sockaddr_in address;
  int len = sizeof address;
  uv_tcp_init(loop, &server);
  uv_ip4_addr("127.0.0.1", 0, &address);
  if (uv_tcp_bind(&server, (const struct sockaddr *)&address, 0) || uv_listen((uv_stream_t *)&server, 511, on_connection)) return 1;
  uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
