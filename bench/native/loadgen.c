/* The load generator: sends pre-encoded associations and waits for every response.
 *
 * loadgen PLAN HOST PORT CONNECTIONS ASSOCIATIONS OBJECTS FIRST_SERIAL TIMEOUT TLS
 *
 * CONNECTIONS threads each make ASSOCIATIONS associations, one after the other, of OBJECTS messages each;
 * OBJECTS -1 connects and closes without a byte. The plan (bench/plan.py) holds the A-ASSOCIATE-RQ and the
 * messages; the decimal digits of the instance UID and the Message ID are patched per message. One line of
 * JSON tells what happened. TCP_NODELAY is always on.
 */
#include "wire.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>

enum { PATCH_SERIAL = 0, PATCH_MESSAGE_ID = 1 };

typedef struct { uint32_t offset, width, kind; } patch;
typedef struct { uint32_t offset, length, repeat; } segment;
typedef struct {
    uint32_t patches, segments, size;
    uint64_t payload;
    patch *patch;
    segment *segment;
    unsigned char *data;
} message;

static unsigned char *request;
static uint32_t request_size, message_count;
static message *messages;
static struct sockaddr_storage address;
static socklen_t address_size;
static int associations, objects, timeout_seconds, use_tls;
static uint64_t first_serial;
static pthread_barrier_t barrier;
#ifdef WITH_TLS
static SSL_CTX *context;
#endif

typedef struct {
    int index;
    pthread_t thread;
    message *messages;
    uint64_t responses, payload, errors, good_associations;
    uint64_t statuses[65536 / 64]; /* bitmap of the statuses seen */
    uint32_t *status_counts;
    double *association_seconds, *message_seconds;
    uint64_t association_samples, message_samples;
    double finished;
    char error[160];
} worker;

static void fail(const char *text)
{
    fprintf(stderr, "loadgen: %s\n", text);
    exit(2);
}

static uint32_t take32(unsigned char **p, unsigned char *end)
{
    if (end - *p < 4)
        fail("plan too short");
    uint32_t v = le32(*p);
    *p += 4;
    return v;
}

static void load_plan(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st))
        fail("cannot open the plan");
    unsigned char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        fail("cannot map the plan");
    close(fd);
    unsigned char *end = p + st.st_size;
    if (st.st_size < 8 || memcmp(p, "DCMPLAN1", 8))
        fail("not a plan");
    p += 8;
    request_size = take32(&p, end);
    request = p;
    p += request_size;
    message_count = take32(&p, end);
    messages = calloc(message_count ? message_count : 1, sizeof *messages);
    for (uint32_t i = 0; i < message_count; i++) {
        message *m = &messages[i];
        m->payload = take32(&p, end);
        m->payload |= (uint64_t)take32(&p, end) << 32;
        m->patches = take32(&p, end);
        m->patch = calloc(m->patches + 1, sizeof *m->patch);
        for (uint32_t j = 0; j < m->patches; j++) {
            m->patch[j].offset = take32(&p, end);
            m->patch[j].width = take32(&p, end);
            m->patch[j].kind = take32(&p, end);
        }
        m->segments = take32(&p, end);
        m->segment = calloc(m->segments + 1, sizeof *m->segment);
        for (uint32_t j = 0; j < m->segments; j++) {
            m->segment[j].offset = take32(&p, end);
            m->segment[j].length = take32(&p, end);
            m->segment[j].repeat = take32(&p, end);
        }
        m->size = take32(&p, end);
        if (end - p < (long)m->size)
            fail("plan too short");
        m->data = p;
        p += m->size;
    }
}

static void note(worker *w, const char *text)
{
    w->errors++;
    if (!w->error[0])
        snprintf(w->error, sizeof w->error, "%s (errno %d)", text, errno);
}

static int open_stream(worker *w, stream *s)
{
    int one = 1;
    struct timeval t = { timeout_seconds, 0 };
    memset(s, 0, sizeof *s);
    s->fd = socket(address.ss_family, SOCK_STREAM, 0);
    if (s->fd < 0) {
        note(w, "socket");
        return -1;
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    if (connect(s->fd, (struct sockaddr *)&address, address_size)) {
        note(w, "connect");
        close(s->fd);
        return -1;
    }
#ifdef WITH_TLS
    if (use_tls) {
        s->ssl = SSL_new(context);
        SSL_set_fd(s->ssl, s->fd);
        if (SSL_connect(s->ssl) != 1) {
            note(w, "TLS handshake");
            stream_close(s);
            return -1;
        }
    }
#endif
    return 0;
}

/* Reads one PDU of at most *size* bytes; its type, or -1. */
static int read_pdu(stream *s, unsigned char *p, size_t size, uint32_t *length)
{
    if (read_exactly(s, p, 6))
        return -1;
    *length = be32(p + 2);
    if (*length > size - 6 || read_exactly(s, p + 6, *length))
        return -1;
    return p[0];
}

/* Status (0000,0900) of a response in one P-DATA-TF, or -1. */
static int response_status(const unsigned char *p, uint32_t length)
{
    if (length < 6 || !(p[11] & 1))
        return -1;
    const unsigned char *e = p + 12, *end = p + 6 + length;
    while (end - e >= 8) {
        uint32_t size = le32(e + 4);
        if ((uint32_t)(end - e - 8) < size)
            return -1;
        if (le16(e) == 0 && le16(e + 2) == 0x0900 && size == 2)
            return (int)le16(e + 8);
        e += 8 + size;
    }
    return -1;
}

static int send_message(worker *w, stream *s, message *m, uint64_t serial, unsigned id)
{
    for (uint32_t i = 0; i < m->patches; i++) {
        unsigned char *p = m->data + m->patch[i].offset;
        if (m->patch[i].kind == PATCH_MESSAGE_ID) {
            p[0] = (unsigned char)id;
            p[1] = (unsigned char)(id >> 8);
        } else {
            uint64_t v = serial;
            for (uint32_t j = m->patch[i].width; j-- > 0; v /= 10)
                p[j] = (unsigned char)('0' + v % 10);
        }
    }
    for (uint32_t i = 0; i < m->segments; i++)
        for (uint32_t j = 0; j < m->segment[i].repeat; j++)
            if (stream_write(s, m->data + m->segment[i].offset, m->segment[i].length)) {
                note(w, "send");
                return -1;
            }
    return 0;
}

static int one_association(worker *w, uint64_t serial)
{
    static const unsigned char release[10] = { 5, 0, 0, 0, 0, 4, 0, 0, 0, 0 };
    unsigned char pdu[65536];
    uint32_t length;
    stream s;
    if (open_stream(w, &s))
        return -1;
    if (objects < 0) {
        stream_close(&s);
        return 0;
    }
    if (stream_write(&s, request, request_size)) {
        note(w, "send of A-ASSOCIATE-RQ");
        goto broken;
    }
    if (read_pdu(&s, pdu, sizeof pdu, &length) != 2) {
        note(w, "no A-ASSOCIATE-AC");
        goto broken;
    }
    for (int i = 0; i < objects; i++) {
        message *m = &w->messages[(serial + (uint64_t)i) % message_count];
        double start = now();
        if (send_message(w, &s, m, serial + (uint64_t)i, (unsigned)(i % 65535) + 1))
            goto broken;
        if (read_pdu(&s, pdu, sizeof pdu, &length) != 4) {
            note(w, "no response");
            goto broken;
        }
        int status = response_status(pdu, length);
        if (status < 0) {
            note(w, "response without a status");
            goto broken;
        }
        w->message_seconds[w->message_samples++] = now() - start;
        w->statuses[status / 64] |= 1ull << (status % 64);
        w->status_counts[status]++;
        w->responses++;
        w->payload += m->payload;
    }
    if (stream_write(&s, release, sizeof release) || read_pdu(&s, pdu, sizeof pdu, &length) != 6) {
        note(w, "no A-RELEASE-RP");
        goto broken;
    }
    stream_close(&s);
    return 0;
broken:
    stream_close(&s);
    return -1;
}

static void *work(void *argument)
{
    worker *w = argument;
    pthread_barrier_wait(&barrier);
    uint64_t per = objects > 0 ? (uint64_t)objects : 0;
    for (int i = 0; i < associations; i++) {
        double start = now();
        uint64_t serial = first_serial + ((uint64_t)w->index * (uint64_t)associations + (uint64_t)i) * per;
        if (one_association(w, serial) == 0)
            w->good_associations++;
        else if (w->errors >= 20)
            break;
        w->association_seconds[w->association_samples++] = now() - start;
    }
    w->finished = now();
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_summary(const char *name, double *v, uint64_t n)
{
    qsort(v, n, sizeof *v, by_value);
    printf(", \"%s\": {\"median\": %.9f, \"p99\": %.9f, \"max\": %.9f}", name, n ? v[n / 2] : 0.0,
           n ? v[n - 1 - n / 100] : 0.0, n ? v[n - 1] : 0.0);
}

int main(int argc, char **argv)
{
    if (argc != 10)
        fail("wrong number of arguments");
    load_plan(argv[1]);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, argv[2], &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)atoi(argv[3]));
        address_size = sizeof *v4;
    } else if (inet_pton(AF_INET6, argv[2], &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(argv[3]));
        address_size = sizeof *v6;
    } else
        fail("not an address");
    int connections = atoi(argv[4]);
    associations = atoi(argv[5]);
    objects = atoi(argv[6]);
    first_serial = strtoull(argv[7], NULL, 10);
    timeout_seconds = atoi(argv[8]);
    use_tls = atoi(argv[9]);
    if (connections < 1 || associations < 1 || (objects > 0 && !message_count))
        fail("nothing to send");
    if (use_tls) {
#ifdef WITH_TLS
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
#else
        fail("built without TLS");
#endif
    }
    worker *workers = calloc((size_t)connections, sizeof *workers);
    pthread_barrier_init(&barrier, NULL, (unsigned)connections + 1);
    uint64_t samples = objects > 0 ? (uint64_t)objects * (uint64_t)associations : 1;
    for (int i = 0; i < connections; i++) {
        worker *w = &workers[i];
        w->index = i;
        w->status_counts = calloc(65536, sizeof *w->status_counts);
        w->association_seconds = calloc((size_t)associations, sizeof(double));
        w->message_seconds = calloc(samples, sizeof(double));
        w->messages = calloc(message_count ? message_count : 1, sizeof *messages);
        for (uint32_t j = 0; j < message_count; j++) {
            w->messages[j] = messages[j];
            w->messages[j].data = malloc(messages[j].size);
            if (!w->messages[j].data)
                fail("out of memory");
            memcpy(w->messages[j].data, messages[j].data, messages[j].size);
        }
        if (pthread_create(&w->thread, NULL, work, w))
            fail("cannot start a thread");
    }
    double start = now();
    pthread_barrier_wait(&barrier);
    double end = start;
    uint64_t responses = 0, payload = 0, errors = 0, good = 0, ns = 0, na = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].finished > end)
            end = workers[i].finished;
        responses += workers[i].responses;
        payload += workers[i].payload;
        errors += workers[i].errors;
        good += workers[i].good_associations;
        ns += workers[i].message_samples;
        na += workers[i].association_samples;
    }
    printf("{\"seconds\": %.6f, \"associations\": %llu, \"objects\": %llu, \"bytes\": %llu, \"errors\": %llu",
           end - start, (unsigned long long)good, (unsigned long long)responses, (unsigned long long)payload,
           (unsigned long long)errors);
    double *all = calloc(ns + na + 1, sizeof(double));
    uint64_t n = 0;
    for (int i = 0; i < connections; i++) {
        memcpy(all + n, workers[i].message_seconds, workers[i].message_samples * sizeof(double));
        n += workers[i].message_samples;
    }
    print_summary("message", all, n);
    n = 0;
    for (int i = 0; i < connections; i++) {
        memcpy(all + n, workers[i].association_seconds, workers[i].association_samples * sizeof(double));
        n += workers[i].association_samples;
    }
    print_summary("association", all, n);
    printf(", \"statuses\": {");
    const char *comma = "";
    for (int status = 0; status < 65536; status++) {
        uint64_t count = 0;
        for (int i = 0; i < connections; i++)
            if (workers[i].statuses[status / 64] >> (status % 64) & 1)
                count += workers[i].status_counts[status];
        if (count) {
            printf("%s\"%04X\": %llu", comma, (unsigned)status, (unsigned long long)count);
            comma = ", ";
        }
    }
    printf("}, \"error\": \"");
    for (int i = 0; i < connections; i++)
        if (workers[i].error[0]) {
            printf("%s", workers[i].error);
            break;
        }
    printf("\"}\n");
    return 0;
}
