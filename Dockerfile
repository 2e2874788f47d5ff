# tritgolf with the exact versions of envs/cpu.lock, or of envs/cuda.lock: docker build --build-arg TORCH=cuda .
# CUDA's libraries come with PyTorch's packages; the host needs a driver and the container toolkit.
FROM python:3.11-slim-bookworm

ARG TORCH=cpu
ENV PATH=/opt/tritgolf/bin:$PATH
WORKDIR /src
COPY . .
RUN envs/install.sh /opt/tritgolf "$TORCH" \
    && rm -rf /root/.cache

WORKDIR /work
ENTRYPOINT ["tritgolf"]
CMD ["--help"]
