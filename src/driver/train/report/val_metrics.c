#include "val_metrics.h"

#include <math.h>

#include "base/poison.h"

#define OF(name) name, name "_a", name "_b"
static const char *const keys[VAL_NUMBERS] = {
    OF("recon_l1"),     OF("recon_psnr"),   OF("recon_ssim"),   OF("swap_l1"),
    OF("swap_psnr"),    OF("swap_ssim"),    OF("follow"),       OF("follow_yaw"),
    OF("follow_pitch"), OF("follow_brows"), OF("follow_mouth"), OF("follow_eyes"),
    OF("follow_gaze"),  OF("reader_yaw"),   OF("reader_pitch"), OF("reader_brows"),
    OF("reader_mouth"), OF("reader_eyes"),  OF("reader_gaze")};

const char *val_metrics_key(int i)
{
    return keys[i];
}

int val_metrics_mean(enum val_answer answer, enum val_measure measure)
{
    return ((int)answer * VAL_MEASURES + (int)measure) * VAL_OF;
}

int val_metrics_follow(enum pose_quantity quantity, bool reader)
{
    return VAL_FOLLOW + (1 + (int)quantity + (reader ? POSE_QUANTITIES : 0)) * VAL_OF;
}

void val_metrics_clear(struct val_metrics *m)
{
    for (int i = 0; i < VAL_NUMBERS; i++)
        m->number[i] = NAN;
}

void val_metrics_from(struct quality_sum sums[VAL_ANSWERS][MODEL_PEOPLE], struct val_metrics *out)
{
    val_metrics_clear(out);
    for (int answer = 0; answer < VAL_ANSWERS; answer++) {
        double total[VAL_MEASURES] = {0}, people = 0;
        double *first = out->number + val_metrics_mean((enum val_answer)answer, VAL_L1);
        for (int who = 0; who < MODEL_PEOPLE; who++) {
            if (sums[answer][who].n == 0)
                continue;
            struct quality q = quality_mean(&sums[answer][who]);
            const double measured[VAL_MEASURES] = {q.l1, q.psnr, q.ssim};
            for (int i = 0; i < VAL_MEASURES; i++) {
                first[i * VAL_OF + 1 + who] = measured[i];
                total[i] += measured[i];
            }
            people++;
        }
        for (int i = 0; i < VAL_MEASURES && people > 0; i++)
            first[(ptrdiff_t)i * VAL_OF] = total[i] / people;
    }
}
