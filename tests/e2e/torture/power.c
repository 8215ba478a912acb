/* Loaded into the daemon: copies to another directory only what it has synchronised of its database and WAL.
 *
 * POWER_FILE is the database, POWER_COPY the directory of the copies, which hold what the files held at the start. A write
 * reaches its copy when fsync or fdatasync of the file returns. After SIGKILL the copies are what a power cut leaves behind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { FILES = 2, MAX_FDS = 65536, UNKNOWN = 0, OTHER = -1, NO_TRUNCATE = -1 };

struct change { off_t at; size_t size; off_t truncate; };
struct file { int copy; struct change *changes; size_t count, room; };

static struct file files[FILES];
static signed char of_fd[MAX_FDS]; /* UNKNOWN, OTHER, or 1 + the index in `files` */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t), (*real_close)(int);

__attribute__((constructor)) static void load(void)
{
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_close = dlsym(RTLD_NEXT, "close");
    for (int i = 0; i < FILES; i++)
        files[i].copy = -1;
}

static struct file *file_of(int fd)
{
    if (fd < 0 || fd >= MAX_FDS)
        return NULL;
    if (of_fd[fd] == UNKNOWN) {
        static const char *ends[FILES] = {"", "-wal"};
        const char *path = getenv("POWER_FILE"), *folder = getenv("POWER_COPY");
        char link[64], target[PATH_MAX], wanted[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        of_fd[fd] = OTHER;
        for (int i = 0; path && folder && size > 0 && i < FILES; i++) {
            target[size] = 0;
            snprintf(wanted, sizeof wanted, "%s%s", path, ends[i]);
            if (strcmp(target, wanted))
                continue;
            of_fd[fd] = i + 1;
            if (files[i].copy < 0) {
                snprintf(wanted, sizeof wanted, "%s/%s%s", folder, strrchr(path, '/') + 1, ends[i]);
                files[i].copy = open(wanted, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            }
        }
    }
    return of_fd[fd] == OTHER ? NULL : &files[of_fd[fd] - 1];
}

static void note(int fd, off_t at, size_t size, off_t truncate)
{
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    if (file) {
        if (file->count == file->room) {
            file->room = file->room ? 2 * file->room : 1024;
            file->changes = realloc(file->changes, file->room * sizeof *file->changes);
            if (!file->changes)
                abort();
        }
        file->changes[file->count++] = (struct change){at, size, truncate};
    }
    pthread_mutex_unlock(&lock);
}

static void synchronised(int fd)
{
    static char bytes[1 << 20];
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    for (size_t i = 0; file && i < file->count; i++) {
        struct change *change = &file->changes[i];
        if (change->truncate != NO_TRUNCATE && real_ftruncate(file->copy, change->truncate))
            abort();
        for (size_t done = 0; done < change->size;) {
            size_t part = change->size - done < sizeof bytes ? change->size - done : sizeof bytes;
            ssize_t got = pread(fd, bytes, part, change->at + done);
            if (got <= 0)
                break; /* the file was truncated since */
            if (real_pwrite(file->copy, bytes, got, change->at + done) != got)
                abort();
            done += got;
        }
    }
    if (file)
        file->count = 0;
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t written = real_pwrite(fd, bytes, size, at);
    if (written > 0)
        note(fd, at, written, NO_TRUNCATE);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return pwrite(fd, bytes, size, at);
}

int ftruncate(int fd, off_t size)
{
    int failed = real_ftruncate(fd, size);
    if (!failed)
        note(fd, 0, 0, size);
    return failed;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fsync(int fd)
{
    int failed = real_fsync(fd);
    if (!failed)
        synchronised(fd);
    return failed;
}

int fdatasync(int fd)
{
    int failed = real_fdatasync(fd);
    if (!failed)
        synchronised(fd);
    return failed;
}

int close(int fd)
{
    if (fd >= 0 && fd < MAX_FDS)
        of_fd[fd] = UNKNOWN;
    return real_close(fd);
}
