/* A lexer: counts names, numbers, texts and comments in a source text that it makes itself. */
#define SIZE 200000
#include "start.h"

#define LARGEST 4000000

enum state { BETWEEN, IN_NAME, IN_NUMBER, IN_TEXT, AFTER_SLASH, IN_COMMENT, AFTER_STAR };

static const char pieces[8][12] = {"while", " x1 ", "= 42;", "\"a b\"", "/* no */", "f(y)", "\n", " 3.25 "};
static char source[LARGEST + 16];

static long make_source(long size)
{
    unsigned long random = 7;
    long length = 0;
    while (length < size) {
        random = random * 6364136223846793005ul + 1442695040888963407ul;
        for (const char *piece = pieces[random >> 61]; *piece != 0; piece++)
            source[length++] = *piece;
    }
    return length;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum state begin_token(char c, unsigned long *names, unsigned long *numbers)
{
    if (is_letter(c)) {
        ++*names;
        return IN_NAME;
    }
    if (is_digit(c)) {
        ++*numbers;
        return IN_NUMBER;
    }
    return c == '"' ? IN_TEXT : c == '/' ? AFTER_SLASH : BETWEEN;
}

static void run(long size)
{
    unsigned long names = 0, numbers = 0, texts = 0, comments = 0;
    long length = make_source(size > LARGEST ? LARGEST : size);
    enum state state = BETWEEN;
    for (long k = 0; k < length; k++) {
        char c = source[k];
        switch (state) {
        case BETWEEN:
            state = begin_token(c, &names, &numbers);
            break;
        case IN_NAME:
            if (!is_letter(c) && !is_digit(c))
                state = begin_token(c, &names, &numbers);
            break;
        case IN_NUMBER:
            if (!is_digit(c) && c != '.')
                state = begin_token(c, &names, &numbers);
            break;
        case IN_TEXT:
            if (c == '"') {
                texts++;
                state = BETWEEN;
            }
            break;
        case AFTER_SLASH:
            state = c == '*' ? IN_COMMENT : begin_token(c, &names, &numbers);
            break;
        case IN_COMMENT:
            if (c == '*')
                state = AFTER_STAR;
            break;
        case AFTER_STAR:
            if (c == '/') {
                comments++;
                state = BETWEEN;
            } else if (c != '*') {
                state = IN_COMMENT;
            }
            break;
        }
    }
    print("names", names);
    print("numbers", numbers);
    print("texts", texts);
    print("comments", comments);
}
