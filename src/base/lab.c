#include "base/lab.h"

#include <math.h>

const double lab_from_linear[3][3] = {
    {0.4338873455660399,   0.3762240091374987,  0.1898886452964614 },
    {0.21263900587151038,  0.715168678767756,   0.07219231536073373},
    {0.017750040070973257, 0.10944762085523849, 0.8728023390737882 },
};

const double lab_to_linear[3][3] = {
    {3.080399090679464,   -1.5373831775700928,  -0.5430159131093709},
    {-0.9212233588602767, 1.8759675015077202,   0.04525585735255628},
    {0.05287393897036445, -0.20397695888897655, 1.151103019918612  },
};

static double linear(uint8_t byte)
{
    double c = byte / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double compress(double t)
{
    const double small = 216.0 / 24389.0;
    return t > small ? cbrt(t) : (24389.0 / 27.0 * t + 16.0) / 116.0;
}

void lab_from_srgb(const uint8_t rgb[3], double lab[3])
{
    double f[3];
    for (int i = 0; i < 3; i++) {
        double sum = 0.0;
        for (int c = 0; c < 3; c++)
            sum += lab_from_linear[i][c] * linear(rgb[c]);
        f[i] = compress(sum);
    }
    lab[0] = 1.16 * f[1] - 0.16;
    lab[1] = 5.0 * (f[0] - f[1]);
    lab[2] = 2.0 * (f[1] - f[2]);
}

static double expand(double f)
{
    const double small = 6.0 / 29.0;
    return f > small ? f * f * f : (116.0 * f - 16.0) * 27.0 / 24389.0;
}

static uint8_t byte_of(double linear_value)
{
    double c = linear_value <= 0.0031308 ? 12.92 * linear_value
                                         : 1.055 * pow(linear_value, 1 / 2.4) - 0.055;
    return (uint8_t)lrint(255 * fmin(fmax(c, 0.0), 1.0));
}

void lab_to_srgb(const double lab[3], uint8_t rgb[3])
{
    double y = (lab[0] + 0.16) / 1.16;
    const double xyz[3] = {expand(y + lab[1] / 5.0), expand(y), expand(y - lab[2] / 2.0)};
    for (int i = 0; i < 3; i++) {
        double sum = 0.0;
        for (int c = 0; c < 3; c++)
            sum += lab_to_linear[i][c] * xyz[c];
        rgb[i] = byte_of(sum);
    }
}
