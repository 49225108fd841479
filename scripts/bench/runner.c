/*
 * Runs commands in turn (interleaved, so that a busy moment hits all of them alike) and prints one line of JSON each:
 * median and lowest wall time in microseconds, largest RSS in kB, median minor page faults.
 * usage: runner ROUNDS AT_ONCE STDIN_FILE COMMAND...   (a command is one path, or words separated by tabs)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc < 5) return 64;
  int rounds = atoi(argv[1]), at_once = atoi(argv[2]), commands = argc - 4;
  double *took = calloc((size_t)(rounds * commands), sizeof *took), *faults = calloc((size_t)(rounds * commands), sizeof *faults);
  long *rss = calloc((size_t)commands, sizeof *rss);
  for (int round = 0; round < rounds; round++) {
    for (int c = 0; c < commands; c++) {
      char line[4096], *words[64] = {0};
      int count = 0;
      snprintf(line, sizeof line, "%s", argv[4 + c]);
      for (char *word = strtok(line, "\t"); word != NULL && count < 63; word = strtok(NULL, "\t")) words[count++] = word;
      posix_spawn_file_actions_t files;
      posix_spawn_file_actions_init(&files);
      posix_spawn_file_actions_addopen(&files, 0, argv[3], O_RDONLY, 0);
      posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
      double from = now_us();
      pid_t pid;
      for (int i = 0; i < at_once; i++)
        if (posix_spawn(&pid, words[0], &files, NULL, words, environ) != 0) return 69;
      for (int i = 0; i < at_once; i++) {
        int status;
        struct rusage used;
        if (wait4(-1, &status, 0, &used) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
          fprintf(stderr, "%s failed with status %d\n", argv[4 + c], status);
          return 70;
        }
        if (used.ru_maxrss > rss[c]) rss[c] = used.ru_maxrss;
        faults[c * rounds + round] = used.ru_minflt;
      }
      took[c * rounds + round] = now_us() - from;
      posix_spawn_file_actions_destroy(&files);
    }
  }
  for (int c = 0; c < commands; c++) {
    qsort(took + c * rounds, (size_t)rounds, sizeof *took, by_value);
    qsort(faults + c * rounds, (size_t)rounds, sizeof *faults, by_value);
    printf("{\"median\":%.0f,\"low\":%.0f,\"rssKb\":%ld,\"faults\":%.0f}\n", took[c * rounds + rounds / 2], took[c * rounds + rounds / 20],
           rss[c], faults[c * rounds + rounds / 2]);
  }
  return 0;
}
