/* The floor for any hook client: read stdin, check that the daemon's PID is alive, connect, send, print the reply. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[1 << 20];

int main(void) {
  const char *base = getenv("TMPDIR");
  char path[256];
  size_t size = 0;
  ssize_t got;
  while (size < sizeof buffer - 1 && (got = read(0, buffer + size, sizeof buffer - 1 - size)) > 0) size += (size_t)got;
  if (size == 0 || memchr(buffer, '{', size) == NULL) return 2;

  snprintf(path, sizeof path, "%s/claude-slack-approval/server.pid", base);
  FILE *file = fopen(path, "r");
  int pid = 0;
  if (file == NULL || fscanf(file, "%d", &pid) != 1 || kill(pid, 0) != 0) return 3;
  fclose(file);

  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/claude-slack-approval/approval.sock", base);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return 4;
  if (buffer[size - 1] != '\n') buffer[size++] = '\n';
  if (write(fd, buffer, size) < 0) return 5;
  size = 0;
  while ((got = read(fd, buffer + size, sizeof buffer - size)) > 0) {
    size += (size_t)got;
    if (buffer[size - 1] == '\n') break;
  }
  return write(1, buffer, size) < 0;
}
