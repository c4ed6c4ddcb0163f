/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KTAP for small test programs: a table of named cases is run in order, each is a
 * function that says true, or says why not through one of the CHECKs and returns.
 */
#ifndef KTAP_H
#define KTAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct ktap_case {
	const char *name;
	bool (*run)(void);
};

#define KTAP_RUN(cases) ktap_run(cases, sizeof(cases) / sizeof((cases)[0]))

/* A diagnostic line, in one write so that processes do not mix theirs. */
static inline __attribute__((format(printf, 1, 2))) void ktap_note(const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	printf("# %s\n", text);
	fflush(stdout);
}

static inline void ktap_plan(unsigned int count)
{
	printf("KTAP version 1\n1..%u\n", count);
	fflush(stdout);
}

static inline void ktap_result(bool ok, unsigned int number, const char *name)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", number, name);
	fflush(stdout);
}

/* Runs all cases; returns the program's exit status. */
static inline int ktap_run(const struct ktap_case *cases, unsigned int count)
{
	bool all = true;

	ktap_plan(count);
	for (unsigned int i = 0; i < count; i++) {
		bool ok = cases[i].run();

		ktap_result(ok, i + 1, cases[i].name);
		all = all && ok;
	}
	return all ? 0 : 1;
}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			ktap_note("%s:%d: %s is false (%s)", __FILE_NAME__, __LINE__, #condition,  \
				  strerror(errno));                                                \
			return false;                                                              \
		}                                                                                  \
	} while (0)

/* The call returns exactly this. */
#define CHECK_IS(call, want)                                                                       \
	do {                                                                                       \
		errno = 0;                                                                         \
		long long is_ = (long long)(call), want_ = (long long)(want);                      \
		if (is_ != want_) {                                                                \
			ktap_note("%s:%d: %s is %lld (%s), expected %lld", __FILE_NAME__,          \
				  __LINE__, #call, is_, strerror(errno), want_);                   \
			return false;                                                              \
		}                                                                                  \
	} while (0)

/* The call fails with exactly this error. */
#define CHECK_ERRNO(call, want)                                                                    \
	do {                                                                                       \
		errno = 0;                                                                         \
		long long is_ = (long long)(call);                                                 \
		if (is_ != -1 || errno != (want)) {                                                \
			ktap_note("%s:%d: %s is %lld (%s), expected an error: %s", __FILE_NAME__,  \
				  __LINE__, #call, is_, strerror(errno), strerror(want));          \
			return false;                                                              \
		}                                                                                  \
	} while (0)

#endif /* KTAP_H */
