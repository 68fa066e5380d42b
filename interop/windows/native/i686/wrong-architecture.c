/* A library for 32-bit processes: what a program for x64 finds when somebody copied the wrong folder. */
__declspec(dllexport) int WrongArchitecture(void) { return 86; }
