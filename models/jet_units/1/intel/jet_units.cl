static inline long16 f2(const long16 given) {
  long16 v = given;
  v = (v << 28) >> 28;
  return v;
}
__constant short k3[16] = {1,1,1,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024,1024};
__constant char k4[16] = {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0};
static inline int16 f5(const long16 given) {
  long16 v = given;
  v = (v >> 10) + (((v >> 9) & 1L));
  v = clamp(v, (long16)((-33554432L)), (long16)(33554431L));
  return convert_int16(v);
}
__constant int k8[16] = {1073742,1073742,1073742,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576,1048576};
static inline int16 f9(const long16 given) {
  long16 v = given;
  v = (v >> 20) + (((v >> 19) & 1L));
  v = clamp(v, (long16)((-33554432L)), (long16)(33554431L));
  return convert_int16(v);
}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void run_network(__global const long *restrict in0, __global int *restrict out0, const uint rows) {
  for (uint row = 0; row < rows; row += 16) {
    const uint count = min((uint)16, rows - row);
    long16 t0[16];
    for (int i1 = 0; i1 < 16; i1 += 1) {
      long lane[16];
      for (uint l = 0; l < 16; l++) lane[l] = in0[(ulong)(row + min(l, count - 1)) * 16 + i1];
      t0[i1] = f2(vload16(0, lane));
    }
    int16 t6[16];
    for (int i7 = 0; i7 < 16; i7 += 1) {
      t6[i7] = f5(((t0[i7] * convert_long16((int16)((int)k3[i7]))) + convert_long16((int16)((int)k4[i7]))));
    }
    int16 t10[16];
    for (int i11 = 0; i11 < 16; i11 += 1) {
      t10[i11] = f9(((convert_long16(t6[i11]) * convert_long16((int16)((int)k8[i11]))) + convert_long16((int16)((int)k4[i11]))));
    }
    for (int i12 = 0; i12 < 16; i12 += 1) {
      int lane[16];
      vstore16(t10[i12], 0, lane);
      for (uint l = 0; l < count; l++) out0[(ulong)(row + l) * 16 + i12] = (int)lane[l];
    }
  }
}
